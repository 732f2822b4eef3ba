/* SPDX-License-Identifier: Apache-2.0 */
/* Cloud Billing: the catalogue in pages, and whether the project pays. */
#include "sandbox/google/call.h"
#include "sandbox/google/prices.h"

#include <stdlib.h>
#include <string.h>

#define LARGEST_PAGE 50 /* Google's is 5000: pages must turn here too */

static struct json *sku_json(const struct price *price, size_t index)
{
    AUTO(str) char *id = llmd__format("%04zX-%04zX-%04zX", index * 7919 % 65536, index, index * 31);
    AUTO(str) char *name = llmd__format("services/%s/skus/%s", price->service, id);
    AUTO(str) char *units = llmd__format("%ld", price->nanos / 1000000000L);
    bool compute = strcmp(price->service, COMPUTE) == 0;
    return MAKE("{'name':%s,'skuId':%s,'description':%s,'category':{'serviceDisplayName':%s,"
                "'resourceFamily':'Compute','resourceGroup':%s,'usageType':%s},'serviceRegions':"
                "[%s],'pricingInfo':[{'effectiveTime':'2026-11-24T00:00:00Z','summary':'',"
                "'pricingExpression':{'usageUnit':%s,'usageUnitDescription':'hour','baseUnit':'s',"
                "'baseUnitConversionFactor':3600,'displayQuantity':1,'tieredRates':[{"
                "'startUsageAmount':0,'unitPrice':{'currencyCode':'USD','units':%s,'nanos':%d}}]},"
                "'currencyConversionRate':1}],'serviceProviderName':'Google'}",
                name, id, price->description, compute ? "Compute Engine" : "Kubernetes Engine",
                strstr(price->description, "Tpu") ? "TPU" : "CPU", price->usage, price->region,
                price->unit, units, (int)(price->nanos % 1000000000L));
}

static struct json *list_skus(struct api_call *call)
{
    char *size = api_query(call, "pageSize");
    char *token = api_query(call, "pageToken");
    long limit = size ? strtol(size, NULL, 10) : LARGEST_PAGE;
    size_t start = token ? strtoul(token, NULL, 10) : 0;
    size_t index = 0;
    size_t taken = 0;
    struct json *json = MAKE("{'skus':[],'nextPageToken':''}");
    if (limit <= 0 || limit > LARGEST_PAGE)
        limit = LARGEST_PAGE;
    for (size_t i = 0; i < price_count && taken < (size_t)limit; i++) {
        if (strcmp(prices[i].service, api_segment(call, 1)) != 0 || index++ < start)
            continue;
        llmd__json_add(llmd__json_edit(json, "skus"), sku_json(&prices[i], i));
        if (++taken == (size_t)limit && i + 1 < price_count) {
            AUTO(str) char *next = llmd__format("%zu", start + taken);
            llmd__json_set_str(json, "nextPageToken", next);
        }
    }
    free(size);
    free(token);
    return json;
}

static struct json *list_services(struct api_call *call)
{
    (void)call;
    return MAKE("{'services':[{'name':'services/" COMPUTE "','serviceId':'" COMPUTE
                "','displayName':'Compute Engine'},{'name':'services/" KUBERNETES
                "','serviceId':'" KUBERNETES "','displayName':'Kubernetes Engine'}]}");
}

static struct json *billing_info(struct api_call *call)
{
    bool off = fault_on(call->google, "billing-disabled", "") != NULL;
    AUTO(str) char *name = llmd__format("projects/%s/billingInfo", google_project(call->google));
    return MAKE("{'name':%s,'projectId':%s,'billingAccountName':%s,'billingEnabled':%b}", name,
                google_project(call->google), off ? "" : "billingAccounts/000000-000000-000000",
                !off);
}

struct json *billing_serve(struct api_call *call)
{
    static const struct api_route routes[] = {
        {"GET", "services", list_services},
        {"GET", "services/*/skus", list_skus},
        {"GET", "projects/*/billingInfo", billing_info},
    };
    return DISPATCH(call, routes);
}
