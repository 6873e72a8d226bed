import { TriangleAlert } from "lucide-react";
import { Component, type ReactNode } from "react";
import { Button } from "./Button";
import { EmptyState } from "./States";

interface Props {
  children: ReactNode;
  inside?: boolean; // of the page's frame, which stays usable then
}

// The last resort: a mistake in the page itself, or an answer of a form that no backend gives, leads to
// words and a way on, not to a blank page.
export class Whole extends Component<Props, { error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    if (!this.state.error) return this.props.children;
    const words = (
      <>
        <h1 className="visually-hidden">Fault</h1>
        <EmptyState
          icon={TriangleAlert}
          title="The page has a fault"
          actions={
            <Button look="primary" onClick={() => location.reload()}>
              Load it again
            </Button>
          }
        >
          <p>
            Nothing that the server stores is affected. If it comes again, check in Settings that
            the backend is one of this version. The fault says: {this.state.error.message}
          </p>
        </EmptyState>
      </>
    );
    return this.props.inside ? words : <main className="whole">{words}</main>;
  }
}
