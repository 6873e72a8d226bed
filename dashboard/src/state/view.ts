// What a page shows, in the address: each parameter has a type and a default, which is left out of it.

export interface Param<T> {
  read: (text: string) => T; // of "" and of anything unusable: the default
  write: (value: T) => string; // of the default: ""
}

export const text: Param<string> = { read: (given) => given, write: (value) => value };

export const oneOf = <T extends string>(values: readonly T[], initial: T): Param<T> => ({
  read: (given) => values.find((value) => value === given) ?? initial,
  write: (value) => (value === initial ? "" : value),
});

export const numberIn = (least: number, most: number, initial: number): Param<number> => ({
  read: (given) => {
    const value = Number(given);
    return given.trim() !== "" && value >= least && value <= most ? value : initial;
  },
  write: (value) => (value === initial ? "" : String(value)),
});

// A number that may not be given.
export const optionalNumberIn = (least: number, most: number): Param<number | undefined> => ({
  read: (given) => {
    const value = Number(given);
    return given.trim() !== "" && value >= least && value <= most ? value : undefined;
  },
  write: (value) => (value === undefined ? "" : String(value)),
});

// The column that a table is sorted by, "-" before it for falling; null for the table's own order.
export interface Sorting {
  column: string;
  falling: boolean;
}

// What a click on a column's head leads to: its first order, the other one, then the table's own.
export function nextSorting(
  now: Sorting | null,
  column: string,
  fallingFirst: boolean,
): Sorting | null {
  if (now?.column !== column) return { column, falling: fallingFirst };
  return now.falling === fallingFirst ? { column, falling: !fallingFirst } : null;
}

export const sorting = (columns: readonly string[]): Param<Sorting | null> => ({
  read: (given) => {
    const falling = given.startsWith("-");
    const column = falling ? given.slice(1) : given;
    return columns.includes(column) ? { column, falling } : null;
  },
  write: (value) => (value ? `${value.falling ? "-" : ""}${value.column}` : ""),
});

export type Params<V> = { [Name in keyof V]: Param<V[Name]> };

export const readView = <V>(params: Params<V>, query: string): V => {
  const given = new URLSearchParams(query);
  const values: Partial<V> = {};
  for (const name in params) values[name] = params[name].read(given.get(name) ?? "");
  return values as V;
};

// The parameters as texts for the address; "" for those to leave out.
export function writeView<V>(
  params: Params<V>,
  values: Partial<NoInfer<V>>,
): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name in params) {
    if (name in values) texts[name] = params[name].write(values[name] as V[typeof name]);
  }
  return texts;
}

// The address of a page that shows `values`.
export function pathOf<V>(path: string, params: Params<V>, values: Partial<NoInfer<V>>): string {
  const given = Object.entries(writeView(params, values)).filter(([, value]) => value !== "");
  return given.length > 0 ? `${path}?${new URLSearchParams(given).toString()}` : path;
}
