// A digest as a page of text.

const WIDTH = 76;
const LONGEST_BAR = 30;
const MOST_LINES = 6;

/** @returns {string} ends with a line break */
export function report(digest) {
  return [
    `Digest of ${digest.name}`,
    "═".repeat(WIDTH),
    row("Words", number(digest.words), `${number(digest.differentWords)} different`),
    row("Sentences", number(digest.sentences), `${number(digest.wordsPerSentence, 1)} words each`),
    row("Reading time", minutes(digest.readingMinutes), "silently, at an adult's pace"),
    row("Worked on in", number(digest.pieces), digest.pieces === 1 ? "piece" : "pieces"),
    ...mostUsed(digest.mostUsed),
    "",
    `Longest sentence: ${number(digest.longest.words)} ${digest.longest.words === 1 ? "word" : "words"}`,
    "─".repeat(WIDTH),
    ...shortened(wrapped(digest.longest.text)),
    "",
  ].join("\n");
}

function row(label, value, remark) {
  return `${label.padEnd(16)}${value.padStart(10)}   ${remark}`;
}

function mostUsed(words) {
  if (words.length === 0) return [];
  const [, most] = words[0];
  const lines = words.map(([word, count]) => {
    const bar = "█".repeat(Math.max(1, Math.round((LONGEST_BAR * count) / most)));
    return `${cut(word, 16).padEnd(16)}${number(count).padStart(10)}   ${bar}`;
  });
  return ["", "Most used words, without the common ones", "─".repeat(WIDTH), ...lines];
}

function wrapped(text) {
  const lines = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line += line === "" ? word : ` ${word}`;
    }
  }
  return [...lines, line];
}

function shortened(lines) {
  const first = lines.slice(0, MOST_LINES).map((line) => cut(line, WIDTH));
  return lines.length > MOST_LINES ? [...first, "…"] : first;
}

function cut(text, width) {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

function minutes(value) {
  return value < 1 ? "< 1 min" : `${number(Math.round(value))} min`;
}

function number(value, digits = 0) {
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
