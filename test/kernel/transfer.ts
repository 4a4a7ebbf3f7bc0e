// A TCP transfer between two nodes, bounded in bytes.
import { type Lab, until } from './lab.ts';

/** Bits a second, over the time from the first byte to the last as the receiver sees it. */
export async function transfer(
  lab: Pick<Lab, 'script' | 'inNode' | 'addressOf'>,
  { from, to, bytes }: { readonly from: string; readonly to: string; readonly bytes: number },
): Promise<number> {
  const receiver = lab.script(
    to,
    `net.createServer((socket) => {
      let [received, first] = [0, 0];
      socket.on('data', (chunk) => {
        first ||= performance.now();
        received += chunk.length;
        if (received >= ${bytes}) quit(received * 8_000 / (performance.now() - first));
      });
    }).listen(9000, '0.0.0.0');`,
  );
  const listening = () => lab.inNode(to, ['ss', '-Hltn', 'sport', '=', ':9000']);
  await until(listening, (lines) => lines !== '');
  await lab.script(
    from,
    `const socket = net.connect(9000, '${lab.addressOf(to)}');
    socket.end(Buffer.alloc(${bytes}));
    socket.on('close', () => quit('sent')).on('error', () => quit('failed'));`,
  );
  return Number(await receiver);
}
