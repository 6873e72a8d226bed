import { describe, expect, it } from "vitest";
import { backendOfLink, linkFor } from "./shared";

const page = "http://page.example";

describe("linkFor", () => {
  it("names the backend when it is not the page's own server", () => {
    expect(linkFor(`${page}/job/1?view=table`, "")).toBe(`${page}/job/1?view=table`);
    expect(linkFor(`${page}/job/1?view=table`, "https://api.example/v1")).toBe(
      `${page}/job/1?view=table&backend=https%3A%2F%2Fapi.example%2Fv1`,
    );
    expect(linkFor(`${page}/job/1?backend=http%3A%2F%2Fold.example`, "")).toBe(`${page}/job/1`);
  });
});

describe("backendOfLink", () => {
  it("returns a backend that is not in use", () => {
    const query = new URL(linkFor(`${page}/job/1`, "https://api.example")).search;
    expect(backendOfLink(query, page, "")).toBe("https://api.example");
    expect(backendOfLink(query, page, "https://other.example")).toBe("https://api.example");
    expect(backendOfLink(`?backend=${page}/`, page, "https://api.example")).toBe("");
  });
  it("has nothing to ask where the backend is in use, or none is named", () => {
    expect(backendOfLink("?backend=https://api.example/", page, "https://api.example")).toBe(
      undefined,
    );
    expect(backendOfLink(`?backend=${page}`, page, "")).toBe(undefined);
    expect(backendOfLink("?view=table", page, "")).toBe(undefined);
    expect(backendOfLink("?backend=", page, "")).toBe(undefined);
  });
  it("rejects what is not a server's address", () => {
    expect(() => backendOfLink("?backend=javascript:alert(1)", page, "")).toThrow(/address/);
    expect(() => backendOfLink("?backend=ftp://a.example", page, "")).toThrow(/must begin/);
    expect(() => backendOfLink("?backend=http://me:secret@a.example", page, "")).toThrow(
      /password/,
    );
  });
});
