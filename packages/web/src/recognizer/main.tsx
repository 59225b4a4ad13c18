// Entry of the recognizer page.
import { render } from "preact";

render(<main>Ballsight</main>, document.getElementById("app")!);
