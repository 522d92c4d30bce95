/**
 * Values as operators and shards store them. What a store gives holds only until the next read, so that bytes within values
 * are copied when they are unpacked.
 */
import { Packr } from 'msgpackr'

export const packr = new Packr({ useRecords: false, copyBuffers: true })
