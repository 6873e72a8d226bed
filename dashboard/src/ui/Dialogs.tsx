// Dialogs: they trap the focus, close on Escape, and restore the focus.
import { AlertDialog } from "@base-ui/react/alert-dialog";
import { Dialog } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import type { KeyboardEvent, ReactNode, RefObject } from "react";
import { Button, IconButton } from "./Button";
import "./Dialogs.css";

interface ModalProps {
  open: boolean;
  onClose: () => void;
  title: ReactNode;
  children: ReactNode;
  className?: string;
  actions?: ReactNode; // in the head, before Close
  popup?: RefObject<HTMLDivElement | null>; // has the focus at first, in place of the first control
  keepsFocus?: boolean; // the caller moves the focus when it closes
  onKeyDown?: (event: KeyboardEvent) => void;
}

export function Modal({
  open,
  onClose,
  title,
  children,
  className = "",
  actions,
  popup,
  keepsFocus = false,
  onKeyDown,
}: ModalProps) {
  return (
    <Dialog.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup
          ref={popup}
          className={`modal ${className}`}
          onKeyDown={onKeyDown}
          {...(popup ? { initialFocus: popup } : {})}
          {...(keepsFocus ? { finalFocus: false } : {})}
        >
          <header className="modal-head">
            <Dialog.Title className="modal-title">{title}</Dialog.Title>
            <div className="modal-actions">
              {actions}
              <Dialog.Close render={<IconButton icon={X} label="Close" />} />
            </div>
          </header>
          {children}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

interface ConfirmProps {
  open: boolean;
  onClose: () => void;
  title: string;
  children: ReactNode;
  action: string;
  keep?: string; // the button that changes nothing
  danger?: boolean;
  busy?: boolean;
  onConfirm: () => void;
}

// Asks before something that cannot be undone, or that people may not mean.
export function Confirm({
  open,
  onClose,
  title,
  children,
  action,
  keep = "Keep",
  danger = true,
  busy,
  onConfirm,
}: ConfirmProps) {
  return (
    <AlertDialog.Root open={open} onOpenChange={(next) => !next && !busy && onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="backdrop" />
        <AlertDialog.Popup className="modal small">
          <AlertDialog.Title className="modal-title">{title}</AlertDialog.Title>
          <AlertDialog.Description className="modal-text" render={<div />}>
            {children}
          </AlertDialog.Description>
          <footer className="modal-foot">
            <Button onClick={onClose} disabled={busy ?? false}>
              {keep}
            </Button>
            <Button look={danger ? "danger" : "primary"} busy={busy ?? false} onClick={onConfirm}>
              {action}
            </Button>
          </footer>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
