/** How the command tells people what went wrong: one line with the remedy for what they can mend, a stack otherwise. */
import pc from 'picocolors'
import { toWireError, UmbelError } from '../base/errors.ts'

const EXIT_USER = 1
const EXIT_INTERNAL = 70

export function reportError(error: unknown, json: boolean): void {
  const wire = toWireError(error)
  const isKnown = error instanceof UmbelError && error.kind !== 'invariant'
  process.exitCode = isKnown ? EXIT_USER : EXIT_INTERNAL
  const systemRemedy = REMEDIES[wire.code]
  if (json) {
    const message = systemRemedy === undefined ? wire.message : `${wire.message}: ${systemRemedy}`
    process.stdout.write(`${JSON.stringify({ error: { kind: wire.kind, code: wire.code, message } })}\n`)
    return
  }
  const text = isKnown || systemRemedy !== undefined ? wire.message : (wire.stack ?? wire.message)
  process.stderr.write(`${pc.red('error')} ${text}${systemRemedy === undefined ? '' : `: ${systemRemedy}`}\n`)
}

const REMEDIES: Record<string, string | undefined> = {
  ENOSPC: 'the disk is full; free some space and run the same command again, it goes on where it was',
  EACCES: 'the directory may not be written; choose others with --dir and --out',
  EROFS: 'the file system is read-only; choose other directories with --dir and --out',
}
