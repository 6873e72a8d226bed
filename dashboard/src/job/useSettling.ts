import { useEffect, useState } from "react";

const restMs = 400;

// A value of the address that a slider changes: used at once, written once the slider rests, because a browser
// rejects hundreds of changes of the address in a row.
export function useSettling<T>(value: T, write: (value: T) => void): [T, (value: T) => void] {
  const [moving, setMoving] = useState<{ value: T } | null>(null);
  useEffect(() => {
    if (!moving) return;
    const timer = setTimeout(() => {
      write(moving.value);
      setMoving(null);
    }, restMs);
    return () => clearTimeout(timer);
  }, [moving, write]);
  return [moving ? moving.value : value, (next) => setMoving({ value: next })];
}
