import { ManualClock } from '../conformance/manual-clock.ts';
import { storeConformance } from '../conformance/suite.ts';
import { openMemoryStore } from './memory-store.ts';

storeConformance(
  'memory',
  async () => {
    const clock = new ManualClock();
    const store = await openMemoryStore({ clock });
    return {
      store,
      advance: (ms) => Promise.resolve(clock.advance(ms)),
      dispose: () => store.close(),
    };
  },
  { lasting: false },
);
