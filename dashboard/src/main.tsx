import "./ui/base.css";
import "./ui/layout.css";
import { CSPProvider } from "@base-ui/react/csp-provider";
import "@fontsource-variable/figtree";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createQueryClient } from "./api/queries";
import { App } from "./App";
import { followSettings } from "./settings/follow";
import { applyTheme, settings } from "./state/settings";
import { Toasts } from "./ui/Toasts";
import { Whole } from "./ui/Whole";

applyTheme(settings.get().theme);
const client = createQueryClient();
followSettings(client);

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Whole>
        <QueryClientProvider client={client}>
          <CSPProvider disableStyleElements>
            <Toasts>
              <App />
            </Toasts>
          </CSPProvider>
        </QueryClientProvider>
      </Whole>
    </StrictMode>,
  );
}
