// How people's words are found in names, labels and dates: word by word, without regard to case, accents,
// separators and the marks between thousands.

const thousands = /(\p{Nd})[,.'’\u00a0\u202f ](?=\p{Nd}{3}(?!\p{Nd}))/gu;

export const plainText = (text: string): string =>
  text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLocaleLowerCase("en")
    .replace(thousands, "$1")
    .replace(/[\s\p{P}\p{Z}]+/gu, " ")
    .trim();

// A test of whether each word of `words` is in one of the texts. Without a word everything passes, unless
// something was written: "!" is in no name.
export function matcher(words: string): (...texts: readonly string[]) => boolean {
  const wanted = plainText(words).split(" ").filter(Boolean);
  if (wanted.length === 0) {
    const nothing = words.trim() !== "";
    return () => !nothing;
  }
  return (...texts) => {
    const found = plainText(texts.join("\n"));
    return wanted.every((word) => found.includes(word));
  };
}
