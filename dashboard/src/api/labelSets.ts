// Label sets on the server, which everybody who uses it shares.
import { useQuery } from "@tanstack/react-query";
import { getLabelSets } from "./client";

export const labelSetsKey = ["label sets"] as const;

export const useServerLabelSets = () =>
  useQuery({ queryKey: labelSetsKey, queryFn: ({ signal }) => getLabelSets(signal) });
