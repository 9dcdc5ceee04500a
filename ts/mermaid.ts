// A graph as the text of a Mermaid flowchart.
//
// Names are the user's and may hold anything, so none is an id, and in labels all but letters, digits and what stands
// between them is written as the number of its character: Mermaid takes quotes, Markdown, icons, directives and even
// some colons for its own.

import type { GraphEdge, GraphNode, WorkflowGraph } from "./graph.js";

/** The text of a flowchart: declared edges are solid, observed ones dotted. */
export function mermaidOf({ nodes, edges }: WorkflowGraph): string {
  const ids = new Map(nodes.map(({ id }, index) => [id, `s${index}`]));
  const idOf = (node: string): string => ids.get(node) as string;
  const lines = [
    "flowchart TD",
    ...nodes.map((node) => `  ${idOf(node.id)}${shape(node)}`),
    ...edges.map((edge) => `  ${idOf(edge.from)} ${arrow(edge)} ${idOf(edge.to)}`),
  ];
  return `${lines.join("\n")}\n`;
}

function shape({ kind, name }: GraphNode): string {
  switch (kind) {
    case "start":
    case "stop":
      return `(["${label(name)}"])`;
    case "input":
      return `[/"${label(name)}"/]`;
    case "nobody":
      return `{{"${label(name)}"}}`;
    default:
      return `["${label(name)}"]`;
  }
}

/** Events of the engine are told by the ends that they come from and go to. */
function arrow({ event, source }: GraphEdge): string {
  const line = source === "declared" ? "-->" : "-.->";
  return event.startsWith("blazen::") ? line : `${line}|"${label(event)}"|`;
}

/** What stands for itself: a letter or digit, and a space, `_`, `-` or `.` between two. A link would begin with `www.`. */
const PLAIN = /[\p{L}\p{M}\p{N}]|(?<=[\p{L}\p{M}\p{N}])(?<!www)[ _.-](?=[\p{L}\p{N}])/iu;
const CHARACTERS = new RegExp(`${PLAIN.source}|(?<newline>\\r\\n|[\\r\\n])|(?<other>[^])`, "giu");

function label(name: string): string {
  if (name === "") return " ";
  return name.toWellFormed().replace(CHARACTERS, (character, ...rest) => {
    const { newline, other } = rest.at(-1) as { newline?: string; other?: string };
    if (newline !== undefined) return "<br/>";
    return other === undefined ? character : `#${visible(other.codePointAt(0) as number)};`;
  });
}

/** Control characters have no entity; the replacement character shows that there is one. */
function visible(codePoint: number): number {
  return codePoint < 0x20 || (codePoint >= 0x7f && codePoint < 0xa0) ? 0xfffd : codePoint;
}
