/** What the file system refuses and no restart mends, told as something that the user can mend. */
import { UmbelError, userError } from '../base/errors.ts'

const FULL = 'the disk is full; free some space and run again, it goes on where it was'
const WAY =
  'something else of that name is in the way; remove it, or choose other directories with --dir, --out and --snapshots'
const DENIED = 'it may not be written; change its rights, or choose other directories with --dir, --out and --snapshots'

const NO_DIRECTORY = 'no directory can be made there; choose other ones with --dir, --out and --snapshots'

const REMEDIES: Readonly<Record<string, string | undefined>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EFBIG: 'files may not grow so large here; raise the limit (ulimit -f) and run again, it goes on where it was',
  EIO: 'the disk is full or fails; see to it and run again, it goes on where it was',
  ENOTDIR: WAY,
  EISDIR: WAY,
  EEXIST: WAY,
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: DENIED,
  ENAMETOOLONG: 'choose shorter names',
}

/** LMDB gives numbers; what was written in part only is 5. */
const NUMBERS: Readonly<Record<number, string | undefined>> = {
  5: 'EIO',
  27: 'EFBIG',
  28: 'ENOSPC',
  30: 'EROFS',
  122: 'EDQUOT',
}

/** The error as a user error with the system's code where there is a remedy; otherwise the error itself. */
export function explainFileError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof UmbelError) return error
  const code = codeOf(error)
  const remedy = code === undefined ? undefined : remedyOf(code, error)
  return remedy === undefined ? error : userError(code!, `${error.message}: ${remedy}`, error)
}

/** A file that is missing is somebody's bug, a directory that cannot be made is not. */
function remedyOf(code: string, error: Error): string | undefined {
  const isOfMkdir = (error as { syscall?: unknown }).syscall === 'mkdir'
  return code === 'ENOENT' && isOfMkdir ? NO_DIRECTORY : REMEDIES[code]
}

function codeOf(error: Error): string | undefined {
  const { code } = error as { code?: unknown }
  const known = typeof code === 'number' ? NUMBERS[code] : typeof code === 'string' ? code : undefined
  // Whatever else LMDB could not write for: it is the disk.
  return known ?? (error.message.startsWith('Commit failed') ? 'EIO' : undefined)
}
