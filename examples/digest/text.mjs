// What can be said about a text, by pure functions. Everything they return is plain JSON, so it can travel in events,
// rest in the state of a run and be saved in a snapshot.
//
// Words and sentences are found as in languages that put spaces between words.

import { COMMON_WORDS } from "./common_words.mjs";

/** @typedef {{ words: number, text: string }} Sentence */
/** @typedef {{ words: number, sentences: number, longest: Sentence, counts: [word: string, count: number][] }} Statistics */

const WORD = /[\p{L}\p{N}][\p{L}\p{M}\p{N}]*(?:['’-][\p{L}\p{M}\p{N}]+)*/gu;

// A sentence ends at a space after its full stop, unless what follows goes on in small letters (‘Well!’ thought Alice)
// or the full stop belongs to a title (Mr. Carroll).
const SENTENCE_END = /(?<=[.!?…]['"’”»)\]]*)(?<!\b(?:Dr|Mr|Mrs|Ms|St)\.)\s+(?!['"‘“«([]*\p{Ll})/u;

const WORDS_READ_A_MINUTE = 238;

/**
 * The sentences of a text, each on one line and free of control characters, which a terminal would obey. A blank line
 * ends a sentence as well, so a heading is one.
 */
export function sentencesOf(text) {
  return text
    .split(/\r?\n\s*\n/)
    .flatMap((paragraph) =>
      paragraph
        .replace(/[\s\p{Cc}]+/gu, " ")
        .trim()
        .split(SENTENCE_END),
    )
    .filter((sentence) => sentence !== "");
}

/**
 * Groups sentences, in their order, into pieces of about the same length.
 *
 * @param {string[]} sentences
 * @param {{ atLeast: number, atMost: number }} limits characters in a piece, and pieces
 */
export function piecesOf(sentences, { atLeast, atMost }) {
  const length = sentences.reduce((sum, sentence) => sum + sentence.length, 0);
  const enough = Math.max(atLeast, length / atMost);
  const pieces = [];
  let piece = [];
  let pieceLength = 0;
  for (const sentence of sentences) {
    piece.push(sentence);
    pieceLength += sentence.length;
    if (pieceLength < enough) continue;
    pieces.push(piece);
    piece = [];
    pieceLength = 0;
  }
  if (piece.length > 0) pieces.push(piece);
  return pieces;
}

/** @returns {Statistics} */
export function statisticsOf(sentences) {
  return merged(sentences.map(statisticsOfOne));
}

/**
 * The statistics of a whole from those of its parts, given in the order of the text.
 *
 * @param {Statistics[]} parts
 * @returns {Statistics}
 */
export function merged(parts) {
  // A Map, since "constructor" is a word like any other.
  const counts = new Map();
  const whole = { words: 0, sentences: 0, longest: { words: 0, text: "" } };
  for (const part of parts) {
    whole.words += part.words;
    whole.sentences += part.sentences;
    if (part.longest.words > whole.longest.words) whole.longest = part.longest;
    for (const [word, count] of part.counts) counts.set(word, (counts.get(word) ?? 0) + count);
  }
  return { ...whole, counts: [...counts] };
}

/** What a reader wants to know of the statistics of a text. */
export function digestOf(statistics) {
  const { words, sentences, longest, counts } = statistics;
  return {
    words,
    differentWords: counts.length,
    sentences,
    wordsPerSentence: words / sentences,
    readingMinutes: words / WORDS_READ_A_MINUTE,
    mostUsed: mostUsed(counts, 10),
    longest,
  };
}

function statisticsOfOne(sentence) {
  const words = sentence.match(WORD) ?? [];
  const counts = new Map();
  for (const word of words.map(asCounted)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return {
    words: words.length,
    sentences: words.length > 0 ? 1 : 0,
    longest: { words: words.length, text: sentence },
    counts: [...counts],
  };
}

function asCounted(word) {
  return word.toLowerCase().replaceAll("’", "'");
}

function mostUsed(counts, howMany) {
  return counts
    .filter(([word]) => word.length > 2 && !COMMON_WORDS.has(word))
    .sort(([word, count], [otherWord, otherCount]) => otherCount - count || (word < otherWord ? -1 : 1))
    .slice(0, howMany);
}
