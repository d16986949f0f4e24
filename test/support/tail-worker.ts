/** A Worker that looks at a ring's memory and answers with what it reads there, whenever it is asked. */
import { parentPort, workerData } from 'node:worker_threads';

const { buffer, indexes }: { buffer: SharedArrayBuffer; indexes: number[] } = workerData;
const words = new Int32Array(buffer);
parentPort?.on('message', () => parentPort?.postMessage(indexes.map((index) => Atomics.load(words, index))));
parentPort?.postMessage('ready');
