// Reads server-sent events, wherever the network has cut them: in a line, in a line break, in a character.

/**
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<string>} the data of each event; one that was cut off is none
 */
export async function* dataOf(body) {
  let rest = "";
  let data = [];
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    // A "\r" at the end may be half of a line break.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith("data:")) {
        data.push(line.slice(5).replace(/^ /, ""));
      } else if (line === "" && data.length > 0) {
        yield data.join("\n");
        data = [];
      }
    }
  }
}
