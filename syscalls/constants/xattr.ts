// Extended attributes: `sqe.xattr_flags`. Sources: setxattr(2), xattr(7).

/** Fail when the attribute exists. */
export const XATTR_CREATE = 0x1;
/** Fail when it does not exist. */
export const XATTR_REPLACE = 0x2;
/** Longest name, bytes. */
export const XATTR_NAME_MAX = 255;
/** Largest value, bytes. */
export const XATTR_SIZE_MAX = 65536;
/** Largest list of names, bytes. */
export const XATTR_LIST_MAX = 65536;
