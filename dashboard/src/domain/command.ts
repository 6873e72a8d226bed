// The shell command that starts the same job as the page.

// In single quotes where the shell would interpret a character.
export const shellQuote = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;

export interface CommandInput {
  backend: string;
  keys: readonly string[];
  all: boolean; // the keys are every stored image
  folder?: string | undefined; // all photos in it, or below it
  q?: string | undefined; // all photos with these words in their names
  batch?: string | undefined; // all photos of this upload
  labels: readonly string[]; // empty: ImageNet's classes
  model: string; // empty: the default
  topK: number;
  threshold: number;
}

const namedKeys = 20; // more are read from a file

const byRule = (input: CommandInput): boolean =>
  input.all || Boolean(input.folder) || Boolean(input.q) || Boolean(input.batch);

export const needsKeysFile = (input: CommandInput): boolean =>
  !byRule(input) && input.keys.length > namedKeys;

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
  if (input.folder) parts.push(`--folder=${shellQuote(input.folder)}`);
  if (input.q) parts.push(`--query=${shellQuote(input.q)}`);
  if (input.batch) parts.push(`--batch=${shellQuote(input.batch)}`);
  if (input.all) parts.push("--all");
  if (needsKeysFile(input)) parts.push("--keys-file", "keys.json");
  else if (!byRule(input)) parts.push("--", ...input.keys.map(shellQuote));
  return `BACKEND_API_URL=${shellQuote(input.backend)} ${parts.join(" ")}`;
}
