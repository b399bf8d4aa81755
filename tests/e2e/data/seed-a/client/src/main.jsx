import { useState } from "react";
import { createRoot } from "react-dom/client";

function Things() {
  const [things, setThings] = useState(["build an image"]);
  return (
    <main>
      <ul>{things.map((thing) => <li key={thing}>{thing}</li>)}</ul>
      <button onClick={() => setThings([...things, `thing ${things.length + 1}`])}>Add</button>
    </main>
  );
}

createRoot(document.getElementById("root")).render(<Things />);
