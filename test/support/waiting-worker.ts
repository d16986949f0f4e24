/** A Worker that sits in a wait for what never comes. */
import { parentPort, workerData } from 'node:worker_threads';
import { openRing } from './open-ring.ts';

const { ring } = openRing(4, {}, { hideFeatures: workerData.hideFeatures });
parentPort?.postMessage('waiting');
ring.waitCqe();
