/** Something that the machines are made of cannot be had here: no program, no network, no package. */
export class Unavailable extends Error {}
