import { useEffect, useState } from "react";
import { Images } from "./Images";
import { JobView } from "./JobView";
import { Jobs } from "./Jobs";
import { Submit } from "./Submit";

// The job that is open stands in the address, so that it can be shared and reloaded.
const jobInAddress = (): string => new URLSearchParams(location.search).get("job") ?? "";

export function App() {
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [job, setJob] = useState(jobInAddress);

  useEffect(() => {
    const follow = () => setJob(jobInAddress());
    window.addEventListener("popstate", follow);
    return () => window.removeEventListener("popstate", follow);
  }, []);

  const open = (id: string) => {
    history.pushState(null, "", id ? `?job=${encodeURIComponent(id)}` : location.pathname);
    setJob(id);
  };

  return (
    <>
      <header>
        <h1>Distributed classifier</h1>
        <nav>
          <a href="/docs">API</a>
        </nav>
      </header>
      <main>
        <Images selected={selected} onSelect={setSelected} />
        <Submit keys={[...selected]} onSubmitted={open} />
        {job && <JobView key={job} id={job} onClose={() => open("")} />}
        <Jobs onOpen={open} />
      </main>
    </>
  );
}
