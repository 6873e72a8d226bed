import { Toast } from "@base-ui/react/toast";
import { CircleAlert, CircleCheck, X } from "lucide-react";
import type { ReactNode } from "react";
import { IconButton } from "./Button";
import { toasts } from "./toast";
import "./Toasts.css";

function ToastList() {
  return Toast.useToastManager().toasts.map((toast) => {
    const problem = toast.type === "problem";
    const Icon = problem ? CircleAlert : CircleCheck;
    return (
      <Toast.Root key={toast.id} toast={toast} className={`toast ${problem ? "problem" : ""}`}>
        <Icon size={18} aria-hidden className="toast-icon" />
        <div className="toast-words">
          <Toast.Title className="toast-title" />
          <Toast.Description className="toast-text" />
        </div>
        {toast.actionProps && <Toast.Action className="button quiet" />}
        <Toast.Close render={<IconButton icon={X} label="Dismiss" size={16} />} />
      </Toast.Root>
    );
  });
}

export function Toasts({ children }: { children: ReactNode }) {
  return (
    <Toast.Provider toastManager={toasts} limit={3}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className="toasts">
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}
