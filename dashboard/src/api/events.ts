// Progress of a job as the server sends it. EventSource cannot send the API key, so this reads the
// stream from fetch.
import { request } from "./client";

export interface ServerEvent {
  name: string;
  data: string;
}

// Takes text as it arrives, in pieces of any size, and returns the complete events.
export function createEventParser(): (text: string) => ServerEvent[] {
  let rest = "";
  return (text) => {
    const blocks = (rest + text).split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => {
      let name = "message";
      const data: string[] = [];
      for (const line of block.split(/\r?\n/)) {
        if (line.startsWith("event:")) name = line.slice(6).trim();
        if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      }
      return data.length > 0 ? [{ name, data: data.join("\n") }] : [];
    });
  };
}

// Resolves when the server ends the stream; throws when it breaks.
export async function readEvents(
  job: string,
  signal: AbortSignal,
  onEvent: (event: ServerEvent) => void,
): Promise<void> {
  const response = await request(`/events/${encodeURIComponent(job)}`, {
    signal,
    timeout: 24 * 3_600_000,
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  const parse = createEventParser();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    parse(value).forEach(onEvent);
  }
}
