// The page of a run: draws what the server streams. Everything that is shown is a function of the
// model (model.ts).
import { render } from 'preact';
import { App } from './app.tsx';
import { connect } from './connection.ts';
import { currentModel, onModel, setModel } from './model.ts';
import { keepPlaying } from './playing.ts';
import './style.css';

const root = document.body;
const draw = () => render(<App model={currentModel()} set={setModel} />, root);
// Several changes at once are one drawing.
let due = false;
onModel(() => {
  if (due) return;
  due = true;
  queueMicrotask(() => {
    due = false;
    draw();
  });
});
draw();
connect();
keepPlaying();
