// A TCP transfer between two nodes, bounded in bytes.
import { type Lab, until } from './lab.ts';

/**
 * Bits a second, from when the sender is connected until the receiver has the last byte: a machine
 * that is stopped in between makes it less, never more.
 */
export async function transfer(
  lab: Pick<Lab, 'script' | 'inNode' | 'addressOf'>,
  { from, to, bytes }: { readonly from: string; readonly to: string; readonly bytes: number },
): Promise<number> {
  const receiver = lab.script(
    to,
    `net.createServer((socket) => {
      let received = 0;
      socket.on('data', (chunk) => {
        received += chunk.length;
        if (received >= ${bytes}) quit(Date.now());
      });
    }).listen(9000, '0.0.0.0');`,
  );
  const listening = () => lab.inNode(to, ['ss', '-Hltn', 'sport', '=', ':9000']);
  await until(listening, (lines) => lines !== '');
  const connectedAt = await lab.script(
    from,
    `const socket = net.connect(9000, '${lab.addressOf(to)}', () => {
      const connectedAt = Date.now();
      socket.end(Buffer.alloc(${bytes}));
      socket.on('close', () => quit(connectedAt));
    });`,
  );
  return (bytes * 8_000) / (Number(await receiver) - Number(connectedAt));
}
