import { expect, test } from "vitest";
import { createEventParser } from "./events";

test("finds the events however the text is split", () => {
  const text =
    'event: progress\ndata: {"done":1}\n\n: still here\n\nevent: end\r\ndata: {"done":2}\r\n\r\n';
  for (let size = 1; size <= text.length; size += 1) {
    const parse = createEventParser();
    const events = [];
    for (let at = 0; at < text.length; at += size) events.push(...parse(text.slice(at, at + size)));
    expect(events).toEqual([
      { name: "progress", data: '{"done":1}' },
      { name: "end", data: '{"done":2}' },
    ]);
  }
});

test("joins lines of data and keeps an incomplete event for later", () => {
  const parse = createEventParser();
  expect(parse("data: a\ndata: b\n\ndata: c")).toEqual([{ name: "message", data: "a\nb" }]);
});
