// The shell command that starts the same job as the page.

// In single quotes where the shell would interpret a character.
export const shellQuote = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;

export interface CommandInput {
  backend: string;
  keys: readonly string[];
  all: boolean; // the keys are every stored image
  labels: readonly string[]; // empty: ImageNet's classes
  model: string; // empty: the default
  topK: number;
  threshold: number;
}

const namedKeys = 20; // more are read from a file

export const needsKeysFile = (input: CommandInput): boolean =>
  !input.all && input.keys.length > namedKeys;

export function submitCommand(input: CommandInput): string {
  const parts = ["classifier", "submit"];
  if (input.labels.length > 0) {
    if (input.labels.some((label) => label.includes(","))) {
      const lines = input.labels.map(shellQuote).join(" ");
      parts.push("--labels-file", `<(printf '%s\\n' ${lines})`);
    } else {
      parts.push("--labels", shellQuote(input.labels.join(",")));
    }
  }
  if (input.model) parts.push("--model", shellQuote(input.model));
  parts.push("--top-k", String(input.topK), "--threshold", String(input.threshold), "--watch");
  if (input.all) parts.push("--all");
  else if (needsKeysFile(input)) parts.push("--keys-file", "keys.json");
  else parts.push("--", ...input.keys.map(shellQuote));
  return `BACKEND_API_URL=${shellQuote(input.backend)} ${parts.join(" ")}`;
}
