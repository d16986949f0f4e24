/**
 * A process of its own: starts a Worker in the scene that its arguments name, and exits with 7 in the middle of it.
 */
import { openSync } from 'node:fs';
import type { Scene } from './worker-scenes.ts';
import { startWorker } from './worker-start.ts';

const [scene, flags, path] = process.argv.slice(2);
const data = { scene: scene as Scene['scene'], flags: Number(flags), fds: [openSync(path, 'r')] };
await startWorker('worker-scenes', data satisfies Scene);
setTimeout(() => process.exit(7), 20 * Math.random());
