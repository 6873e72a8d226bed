// Prepares a new job over the photos of one that has ended; only its labels are left to change.
import type { QueryClient } from "@tanstack/react-query";
import { summaryOf } from "../api/catalogue";
import { sentenceOf } from "../api/client";
import { existingOf } from "../api/existing";
import { allResults, detailsOf } from "../api/queries";
import { plural } from "../domain/format";
import { draft, draftLike } from "../state/draft";
import { navigate } from "../state/router";
import { mostKeys, selectKeys, selectRule } from "../state/selection";
import { tell, tellProblem } from "./toast";

export async function askAgain(client: QueryClient, job: string): Promise<void> {
  try {
    const [details, { rows }] = await Promise.all([
      client.query(detailsOf(job)),
      allResults(client, job),
    ]);
    const asked = [...new Set(rows.map(({ key }) => key))];
    const there = await existingOf(client, asked);
    if (there.length === 0) {
      tellProblem("The job was not prepared", "All of its photos have been deleted.");
      return;
    }
    const { total } = (await client.query(summaryOf(client))) ?? {};
    if (there.length > mostKeys && there.length === total) selectRule({ all: true });
    else selectKeys(there);
    const gone = asked.length - there.length;
    if (gone > 0) tell(`${plural(gone, "photo")} left out`, "Deleted since the job ran.");
    draft.set(draftLike(details, there.length));
    navigate("/new?edit=labels");
  } catch (error) {
    tellProblem("The job was not prepared", sentenceOf(error));
  }
}
