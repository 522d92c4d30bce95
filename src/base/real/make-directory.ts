/**
 * A directory, and those that it stands in. Node's own way, with `recursive`, goes on for ever where a file system refuses
 * a name below a directory that is there (`/proc`).
 */
import fs from 'node:fs'
import path from 'node:path'

export const isDirectory = (file: string): boolean =>
  fs.statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false

/** @throws what the file system says of the first that cannot be made */
export function makeDirectory(directory: string): void {
  if (isDirectory(directory)) return
  const parent = path.dirname(directory)
  if (parent !== directory) makeDirectory(parent)
  try {
    fs.mkdirSync(directory)
  } catch (error) {
    // Somebody else has made it meanwhile.
    if (!isDirectory(directory)) throw error
  }
}
