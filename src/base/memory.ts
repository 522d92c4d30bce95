/** Whether the process has little memory: a container's limit counts. */
const SHORT_BYTES = 2 * 2 ** 30

export const isMemoryShort = (): boolean => process.constrainedMemory() < SHORT_BYTES
