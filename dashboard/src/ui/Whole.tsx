import { TriangleAlert } from "lucide-react";
import { Component, type ReactNode } from "react";
import { Button } from "./Button";
import { EmptyState } from "./States";

interface Props {
  children: ReactNode;
  inside?: boolean; // within the page's frame, which stays usable
}

// The last resort: a bug in the page, or an answer in an unexpected form, leads to a message and a
// button, not to a blank page.
export class Whole extends Component<Props, { error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    if (!this.state.error) return this.props.children;
    const words = (
      <>
        <h1 className="visually-hidden">Error</h1>
        <EmptyState
          icon={TriangleAlert}
          title="Something went wrong"
          actions={
            <Button look="primary" onClick={() => location.reload()}>
              Reload
            </Button>
          }
        >
          <p>
            Nothing stored on the server is affected. If it happens again, check in Settings that
            the server has the same version as this page. Details: {this.state.error.message}
          </p>
        </EmptyState>
      </>
    );
    return this.props.inside ? words : <main className="whole">{words}</main>;
  }
}
