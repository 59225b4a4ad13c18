// Entry of the review page.
import { render } from "preact";

render(<main>Ballsight</main>, document.getElementById("app")!);
