// SPDX-License-Identifier: Apache-2.0
// Google's Node client drives the sandbox; its token comes from the sandbox's metadata server, where
// GCE_METADATA_HOST points. Usage: control.mjs URL (with the client's folder as working directory)
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { faults } from './faults.mjs';

const require = createRequire(join(process.cwd(), 'package.json'));
const { container, auth } = require('@googleapis/container');
const [url] = process.argv.slice(2);
const parent = 'projects/my-project/locations/europe-west4-a';
const cluster = `${parent}/clusters/node`;
let failed = 0;

function check(name, good) {
  if (!good) failed = 1;
  console.log(`${good ? 'ok' : 'not ok'} google node ${name}`);
}

const client = container({
  version: 'v1',
  rootUrl: `${url}/`,
  auth: new auth.GoogleAuth({ scopes: ['https://www.googleapis.com/auth/cloud-platform'] }),
}).projects.locations;

async function finish(promise) {
  const { name } = (await promise).data;
  for (let i = 0; i < 600; i++) {
    const { data } = await client.operations.get({ name: `${parent}/operations/${name}` });
    if (data.status === 'DONE') return !data.error;
    await new Promise((wake) => setTimeout(wake, 20));
  }
  return false;
}

async function refused(promise, status) {
  return promise.then(() => false, (error) => (error.status ?? error.response?.status) === status);
}

const clusters = client.clusters;
const body = { cluster: { name: 'node', nodePools: [{ name: 'system', initialNodeCount: 1 }] } };
check('create', await finish(clusters.create({ parent, requestBody: body })));
check('exists', await refused(clusters.create({ parent, requestBody: body }), 409));
const list = await clusters.list({ parent });
check('list', list.data.clusters.length === 1 && list.data.clusters[0].status === 'RUNNING');
const pool = { name: 'tpu', initialNodeCount: 1, config: { machineType: 'ct6e-standard-4t' } };
check('pool', await finish(clusters.nodePools.create({ parent: cluster, requestBody: { nodePool: pool } })));
const name = `${cluster}/nodePools/tpu`;
check('resize', await finish(clusters.nodePools.setSize({ name, requestBody: { nodeCount: 2 } })));
const config = await client.getServerConfig({ name: parent });
check('versions', config.data.channels.some((channel) => channel.channel === 'REGULAR'));
check('delete', await finish(clusters.delete({ name: cluster })));
check('gone', await refused(clusters.get({ name: cluster }), 404));
await faults({ client, url, check, finish });
process.exit(failed);
