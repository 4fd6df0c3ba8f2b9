/** DynamicResources, as far as pods without claims see it: there is nothing to take from another pod for them, and upstream says so. */
import type { PostFilterPlugin } from '../framework/plugin.ts';

export const dynamicResources: PostFilterPlugin = {
  name: 'DynamicResources',
  postFilter: () => ({ nominatedNode: undefined, message: 'no new claims to deallocate' }),
};
