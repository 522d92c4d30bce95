/** How the command tells people what went wrong: one line with the remedy for what they can mend, a stack otherwise. */
import pc from 'picocolors'
import { explainFileError } from '../actors/file-error.ts'
import { toWireError, UmbelError } from '../base/errors.ts'

const EXIT_USER = 1
const EXIT_INTERNAL = 70

/** Writes to stderr, or with `json` one document to stdout, and sets the exit code. */
export function reportError(thrown: unknown, json: boolean): void {
  const error = explainFileError(thrown)
  const { kind, code, message, stack } = toWireError(error)
  // What has died too often names its reason and the remedy; a stack would tell of the counting.
  const isKnown = error instanceof UmbelError && (error.kind !== 'invariant' || error.code === 'restarts')
  process.exitCode = isKnown ? EXIT_USER : EXIT_INTERNAL
  if (json) process.stdout.write(`${JSON.stringify({ error: { kind, code, message } })}\n`)
  else process.stderr.write(`${pc.red('error')} ${isKnown ? message : (stack ?? message)}\n`)
}
