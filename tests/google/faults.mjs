// SPDX-License-Identifier: Apache-2.0
// Google's Node client in trouble. It tries reads again by itself (three times, on 429 and 5xx), never
// a POST, and hands on what the server said.

export async function faults({ client, url, check, finish }) {
  const parent = 'projects/my-project/locations/europe-west4-a';
  const cluster = `${parent}/clusters/trouble`;
  const { clusters } = client;

  async function order(fault, more = {}, path = '') {
    await fetch(`${url}/sandbox/faults${path}`, { method: 'POST', body: JSON.stringify({ fault, ...more }) });
  }
  const onClusters = (fault, count) => order(fault, { match: '/clusters', count });
  const list = (options) => clusters.list({ parent }, options);

  // The error of a call, as the client shows it.
  async function refusal(promise) {
    return promise.then(() => ({}), (error) => ({
      status: error.status ?? error.response?.status,
      code: error.code,
      words: `${error.message} ${JSON.stringify(error.response?.data ?? '')}`,
      info: (error.response?.data?.error?.details ?? []).find((one) => one['@type']?.endsWith('ErrorInfo')),
    }));
  }
  function told(name, seen, good) {
    check(name, good);
    if (!good) console.log(seen);
  }

  // Waits for all operations, the way to those of which only others know.
  async function calm(name) {
    const { operations } = (await client.operations.list({ parent })).data;
    told(`${name} is listed`, operations, operations.length > 0);
    for (const data of operations) await finish(Promise.resolve({ data }));
  }

  for (const fault of ['503-burst', 'rate-limit', 'html-502']) {
    await onClusters(fault, 2);
    const seen = await refusal(list());
    told(`${fault} outlived by its own retries`, seen, seen.status === undefined && !seen.words);
  }
  await onClusters('rate-limit', 1);
  let seen = await refusal(list({ retry: false }));
  told('rate-limit with its reason', seen, seen.status === 429 && seen.info?.reason === 'RATE_LIMIT_EXCEEDED');
  await onClusters('html-502', 1);
  seen = await refusal(list({ retry: false }));
  told('a page as an error', seen, seen.status === 502 && seen.words.includes('<h1>'));
  await onClusters('bad-token-once', 1);
  seen = await refusal(list()); // a token of the metadata server is not renewed for a refusal
  told('a refused token with its reason', seen,
    seen.status === 401 && seen.info?.reason === 'ACCESS_TOKEN_EXPIRED');

  const body = { cluster: { name: 'trouble', nodePools: [{ name: 'system', initialNodeCount: 1 }] } };
  const create = () => clusters.create({ parent, requestBody: body });
  await onClusters('503-burst', 1);
  seen = await refusal(create());
  told('a create is not sent twice', seen, seen.status === 503);
  await onClusters('ambiguous-create', 1);
  seen = await refusal(create());
  told('cut create is no answer', seen, seen.status === undefined && Boolean(seen.words));
  told('cut create has made the cluster', seen,
    (await clusters.get({ name: cluster })).data.status === 'PROVISIONING');
  seen = await refusal(create());
  told('cut create again', seen, seen.status === 409 && seen.words.includes('Already exists'));
  await calm('its operation');

  const pool = (machineType) => clusters.nodePools.create({ parent: cluster,
    requestBody: { nodePool: { name: 'more', initialNodeCount: 1, config: { machineType } } } });
  await onClusters('operation-conflict', 1);
  seen = await refusal(pool('e2-standard-4'));
  told('operation conflict', seen,
    seen.status === 400 && seen.info?.reason === 'CLUSTER_ALREADY_HAS_OPERATION');
  await calm('the other operation');
  await order('tpu-quota');
  seen = await refusal(pool('ct6e-standard-1t'));
  told('TPU quota', seen, seen.status === 403 && seen.words.includes('TPUS_PER_TPU_FAMILY'));
  await order('', {}, '/clear');
  await order('stockout');
  check('stock-out ends the operation with an error', !(await finish(pool('ct6e-standard-1t'))));
  const left = (await clusters.nodePools.get({ name: `${cluster}/nodePools/more` })).data;
  told('stock-out leaves the pool in ERROR', left, left.status === 'ERROR' && left.statusMessage.includes('GCE_STOCKOUT'));
  await order('', {}, '/clear');
  check('the cluster goes after all', await finish(clusters.delete({ name: cluster })));
  await order('api-disabled', { match: 'container.googleapis.com' });
  seen = await refusal(list());
  told('a disabled API with its reason', seen, seen.status === 403 && seen.info?.reason === 'SERVICE_DISABLED'
    && seen.info.metadata.service === 'container.googleapis.com');
}
