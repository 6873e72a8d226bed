// Short notifications, shown for some seconds and read out by screen readers.
import { Toast } from "@base-ui/react/toast";

export const toasts = Toast.createToastManager();

export const tell = (title: string, description?: string): void => {
  toasts.add({ title, description, timeout: 6_000 });
};

export const tellProblem = (title: string, description?: string): void => {
  toasts.add({ title, description, type: "problem", priority: "high", timeout: 12_000 });
};

// Says what was done, with a button that takes it back.
export const tellUndo = (title: string, undo: () => void): void => {
  const id = toasts.add({
    title,
    timeout: 12_000,
    actionProps: {
      children: "Undo",
      onClick: () => {
        toasts.close(id);
        undo();
      },
    },
  });
};
