// Years and months by which the library is browsed.

export const undated = "none";

const form = /^(\d{4})(?:-(0[1-9]|1[0-2]))?$/;

export const isTaken = (text: string): boolean => text === undated || form.test(text);

interface Range {
  taken_from?: string;
  taken_to?: string;
  taken?: "none";
}

// What the API asks for a year, a month, or none: dates, both inclusive.
export function rangeOf(taken: string): Range {
  if (taken === undated) return { taken: undated };
  const [, year, month] = form.exec(taken) ?? [];
  if (!year) return {};
  const last = month ? new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate() : 31;
  return {
    taken_from: `${year}-${month ?? "01"}-01`,
    taken_to: `${year}-${month ?? "12"}-${String(last).padStart(2, "0")}`,
  };
}

// The year or month of such a range.
export function takenOf({ taken, taken_from = "", taken_to = "" }: Range): string {
  if (taken) return taken;
  return taken_from.slice(0, 7) === taken_to.slice(0, 7)
    ? taken_from.slice(0, 7)
    : taken_from.slice(0, 4);
}

const month = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });

// "July 2024", "2024", "no date".
export function takenWords(taken: string): string {
  if (taken === undated) return "no date";
  return taken.length > 4 ? month.format(new Date(`${taken}-01T00:00:00Z`)) : taken;
}
