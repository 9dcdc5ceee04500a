// A reason to stop that the person at the keyboard can do something about: told in one line, without a stack.

export class Refusal extends Error {
  /** @param {number} [exitCode] 2 for what was asked, 1 for what went wrong on the way */
  constructor(message, exitCode = 2) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Why a call to the file system failed, in words. */
export function reasonOf(error) {
  switch (error.code) {
    case "ENOENT":
      return "there is no such file";
    case "EACCES":
    case "EPERM":
      return "permission denied";
    case "ENOSPC":
      return "the disk is full";
    case "EROFS":
      return "the file system is read-only";
    default:
      return error.message;
  }
}
