import { Menu as Base } from "@base-ui/react/menu";
import { ChevronDown, type LucideIcon } from "lucide-react";
import { Button, IconButton } from "./Button";
import "./Menu.css";

export interface MenuItem {
  label: string;
  hint?: string;
  icon: LucideIcon;
  onSelect: () => void;
}

export function Menu({
  label,
  icon,
  items,
  small = false,
}: {
  label: string;
  icon: LucideIcon;
  items: MenuItem[];
  small?: boolean; // only the icon is shown
}) {
  return (
    <Base.Root>
      <Base.Trigger
        render={
          small ? (
            <IconButton icon={icon} label={label} />
          ) : (
            <Button icon={icon}>
              {label}
              <ChevronDown size={14} aria-hidden />
            </Button>
          )
        }
      />
      {/* Inside the page's landmark, where screen readers look for it. */}
      <Base.Portal container={document.getElementById("main")}>
        <Base.Positioner sideOffset={6} align="end" className="menu-place">
          <Base.Popup className="menu">
            {items.map(({ label: text, hint, icon: Icon, onSelect }) => (
              <Base.Item key={text} className="menu-item" onClick={onSelect}>
                <Icon size={16} aria-hidden />
                <span>
                  {text}
                  {hint && <small>{hint}</small>}
                </span>
              </Base.Item>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
