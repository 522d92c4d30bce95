/** The seam of one life in a simulated world: virtual time, a simulated disk, and an end at any crash point. */
import { pathToFileURL } from 'node:url'
import type { Clock, DurableFile, Files, ReadableFile, Scheduler, Seam } from '../base/seam.ts'
import type { SimulatedBroker } from './simulated-broker.ts'
import type { SimulatedDisk, SimulatedFile } from './simulated-disk.ts'
import type { Life, World } from './world.ts'

/** Some day in 2001: what the wall clock shows when a simulation starts. */
const START_MS = 1_000_000_000_000

export interface SimulatedMachine {
  readonly world: World
  readonly disk: SimulatedDisk
  /** Where the logs are; null for files of the embedded one. */
  readonly broker: SimulatedBroker | null
  /** By how much the wall clock is wrong, in milliseconds. */
  clockError: number
  /** Called at each crash point; may end the life. */
  onCrashPoint: (name: string, shard: string, epoch: number, life: Life) => void
}

export function simulatedSeam(machine: SimulatedMachine, life: Life): Seam {
  return {
    clock: clockOf(machine),
    scheduler: schedulerOf(machine.world, life),
    files: filesOf(machine, life),
    random: machine.world.random,
    crashPoint(name, shard, epoch) {
      machine.onCrashPoint(name, shard, epoch, life)
      life.check()
    },
  }
}

const clockOf = (machine: SimulatedMachine): Clock => ({
  now: () => Math.floor(START_MS + machine.world.now + machine.clockError),
  monotonic: () => machine.world.now,
})

function schedulerOf(world: World, life: Life): Scheduler {
  return {
    turn: () => world.delay(0.05, life),
    after: (ms) => new Promise((resolve) => world.schedule(ms + world.random(), life, resolve)),
    hold: () => () => {},
    every(ms, tick) {
      let isOn = true
      const again = () =>
        world.schedule(ms, life, () => {
          if (!isOn) return
          tick()
          again()
        })
      again()
      return () => {
        isOn = false
      }
    },
  }
}

function filesOf({ world, disk }: SimulatedMachine, life: Life): Files {
  /** Of a life that has ended nothing reaches the disk. */
  const alive = <T>(run: () => T): T => {
    life.check()
    return run()
  }
  return {
    makeDirectory: (path) => alive(() => disk.makeDirectory(path)),
    list: (path) => alive(() => [...disk.list(path)]),
    exists: (path) => alive(() => disk.has(path)),
    isDirectory: (path) => alive(() => disk.isDirectory(path)),
    size: (path) => alive(() => disk.file(path).read().length),
    identity: (path) => alive(() => String(disk.file(path).identity)),
    read: (path) => alive(() => Uint8Array.from(disk.file(path).read())),
    openRead: (path) => alive(() => readable(disk.file(path), life)),
    createSegment: async (path) => {
      await world.delay(2, life)
      return alive(() => {
        if (disk.has(path)) throw Object.assign(new Error(`EEXIST: file exists, '${path}'`), { code: 'EEXIST' })
        disk.create(path)
        return durable(disk, path, life)
      })
    },
    openWrite: (path, length) =>
      alive(() => {
        const file = disk.has(path) ? disk.file(path) : disk.create(path)
        if (file.bytes.length > length) file.bytes = file.bytes.subarray(0, length)
        return durable(disk, path, life)
      }),
    replace: (path, content) =>
      alive(() => {
        const bytes = Buffer.from(content as Uint8Array)
        disk.create(path).bytes = bytes
      }),
    writeWhole: (path, content) =>
      disk.write(life, 1, (bytes) => {
        if (bytes === 1) disk.create(path).bytes = Buffer.from(content)
      }),
    rename: (from, to) => alive(() => disk.rename(from, to)),
    remove: (path) => alive(() => disk.remove(path)),
    url: (path) => pathToFileURL(path),
    path: (url) => url.pathname,
  }
}

function readable(file: SimulatedFile, life: Life): ReadableFile {
  // A store is read as it was when it was opened.
  const fixed = file.store === null ? null : file.read()
  const bytes = () => {
    life.check()
    return fixed ?? file.bytes
  }
  return {
    read(position, into) {
      const from = bytes()
      const count = Math.max(0, Math.min(into.length, from.length - position))
      into.set(from.subarray(position, position + count))
      return count
    },
    size: () => bytes().length,
    close: () => {},
  }
}

function durable(disk: SimulatedDisk, path: string, life: Life): DurableFile {
  const file = disk.file(path)
  return {
    write(chunks, position) {
      life.check()
      const bytes = Buffer.concat(chunks as Uint8Array[])
      return disk.write(life, bytes.length, (count) => file.write(bytes.subarray(0, count), position))
    },
    close() {},
  }
}
