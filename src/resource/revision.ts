// The revision of a record counts two things: what there is to show of it, which ETags tell, and in the digits above that what else was
// changed, such as the hash of its run token. So who changes the one notices that the other was changed meanwhile.

const HIDDEN = 2 ** 32

/** The part of a record's revision that tells what is shown of it. */
export const shownRevision = (revision: number): number => revision % HIDDEN

/** The next revision of a record of which something else is to show. */
export const nextShown = (revision: number): number => revision + 1

/** The next one of a record of which the same is to show. */
export const nextHidden = (revision: number): number => revision + HIDDEN
