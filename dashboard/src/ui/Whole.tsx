import { TriangleAlert } from "lucide-react";
import { Component, type ReactNode } from "react";
import { Button } from "./Button";
import { EmptyState } from "./States";

// The last resort: a mistake in the page itself leads to words and a way on, not to a blank page.
export class Whole extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <main className="whole">
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
            Nothing that the server stores is affected. The fault says: {this.state.error.message}
          </p>
        </EmptyState>
      </main>
    );
  }
}
