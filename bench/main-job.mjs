/** How fast is the main job, from the start of the process to the last file, beside the bare work that it contains? */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { asyncBufferFromFile, parquetMetadataAsync, parquetRead } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { diskBytes, privateMb, reapedCpu } from './support/processes.mjs'

const root = path.resolve(import.meta.dirname, '..')
const file = path.join(root, 'node_modules/vega-datasets/data/flights-3m.parquet')

/** Hash of all result lines, sorted: the same whatever the order of rows. */
function answerOf(out) {
  const hash = createHash('sha256')
  for (const name of fs.readdirSync(out).sort()) {
    hash.update(name)
    for (const line of fs.readFileSync(path.join(out, name), 'latin1').split('\n').sort()) hash.update(line)
  }
  return hash.digest('hex').slice(0, 16)
}

export async function mainJob(directory, rows) {
  const out = path.join(directory, 'out')
  const cpu = reapedCpu()
  const disk = diskBytes()
  const began = performance.now()
  const args = [
    'dist/cli/main.js',
    'run',
    'examples/flights/flights.ts',
    '--dir',
    path.join(directory, 'state'),
    '--out',
    out,
    '--json',
    '--fresh',
  ]
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, FLIGHTS_ROWS: String(rows) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.on('data', (chunk) => {
    printed += chunk
  })
  let peak = 0
  const sampling = setInterval(() => {
    peak = Math.max(peak, privateMb(child.pid))
  }, 100)
  const code = await new Promise((resolve) => child.on('exit', resolve))
  const seconds = (performance.now() - began) / 1000
  clearInterval(sampling)
  if (code !== 0) throw new Error(`the main job ended with exit code ${code}`)
  const cpuSeconds = reapedCpu() - cpu
  const whole = {
    name: 'main job',
    rows,
    seconds,
    'rows/s': rows / seconds,
    'rows/CPU s': rows / cpuSeconds,
    'private MB': peak,
    'disk B/row': (diskBytes() - disk) / rows,
    answer: answerOf(out),
  }
  return [whole, ...JSON.parse(printed).stages.map(stageFigures)]
}

/** A stage's rows are those that it takes in; a source's those that it gives out. */
function stageFigures({ stage, shards, rowsIn, rowsOut, busySeconds }) {
  const rows = rowsIn || rowsOut
  return {
    name: `  stage ${stage}`,
    shards,
    rows,
    seconds: busySeconds,
    'rows/busy s': rows / busySeconds,
    out: rowsOut,
  }
}

/** The bare work: decoding the columns, copying them, appending as many bytes durably. */
export async function mainJobBaselines(directory, rows) {
  const began = performance.now()
  const cpu = process.cpuUsage()
  const buffer = await asyncBufferFromFile(file)
  const metadata = await parquetMetadataAsync(buffer)
  let bytes = 0
  const columns = []
  const parsers = { timestampFromMicroseconds: Number }
  await parquetRead({
    file: buffer,
    metadata,
    compressors,
    parsers,
    rowEnd: rows,
    columns: ['date', 'delay', 'origin', 'destination'],
    onChunk: ({ columnData }) => {
      const numbers =
        typeof columnData[0] === 'string' ? new Uint8Array(columnData.length) : Float64Array.from(columnData, Number)
      bytes += numbers.byteLength
      columns.push(numbers)
    },
  })
  const read = measured('read parquet into columns', rows, began, cpu)
  const copying = { began: performance.now(), cpu: process.cpuUsage() }
  for (const column of columns) column.slice()
  const copied = measured('memcpy of the columns', rows, copying.began, copying.cpu)
  const appending = { began: performance.now(), cpu: process.cpuUsage() }
  const fd = fs.openSync(path.join(directory, 'append'), 'w')
  for (let left = bytes; left > 0; left -= 1 << 20) {
    fs.writeSync(fd, new Uint8Array(Math.min(left, 1 << 20)))
    fs.fdatasyncSync(fd)
  }
  fs.closeSync(fd)
  return [read, copied, measured('durable append of the same bytes', rows, appending.began, appending.cpu)]
}

function measured(name, rows, began, cpu) {
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { name, rows, seconds, 'rows/s': rows / seconds, 'rows/CPU s': rows / ((user + system) / 1e6) }
}
