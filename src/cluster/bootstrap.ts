export async function bootstrap(..._: unknown[]): Promise<void> {}
