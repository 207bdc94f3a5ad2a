//! Lists and searches.

use serde_json::{Value, json};

use super::{Call, Head, Query, Sink, related};
use crate::filter::parse;
use crate::index;
use crate::limits;
use crate::list::{ListQuery, Sort};
use crate::path::Target;
use crate::principal::Access;
use crate::project;
use crate::resource_type::ResourceType;
use crate::schema::{Returned, Type};
use crate::store;
use crate::{Error, Result};

/// The URN of a list (RFC 7644 section 3.4.2).
const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// A search over all types the caller may read, at the root: the types one after the other.
pub fn search(call: &Call<'_>, query: &Query, sink: &mut dyn Sink) -> Result<()> {
    list(call, &crate::resource_type::USER, query, sink)
}

/// GET of a collection, or a search on it: a ListResponse.
pub fn list(call: &Call<'_>, resource_type: &ResourceType, query: &Query, sink: &mut dyn Sink) -> Result<()> {
    call.principal.require(resource_type.area, Access::Read)?;
    let projection = query.projection(resource_type)?;
    let wanted = list_query(call, resource_type, query)?;
    store::read(call.store, call.principal.tenant.id, |tx| {
        let page = tx.list(resource_type, &wanted)?;
        let related = related(resource_type, tx, &page.resources, &projection)?;
        let render = |resource| {
            project::render(resource_type, call.contract, &call.base, resource, &related, &projection)
        };
        let resources: Vec<Value> = page.resources.iter().map(render).collect();
        let echo = resources.is_empty() && call.contract.empty_page_echoes_count;
        let body = json!({
            "schemas": [LIST_RESPONSE],
            "totalResults": page.total,
            "startIndex": wanted.start_index,
            "itemsPerPage": if echo { wanted.count } else { resources.len() },
            "Resources": resources,
        });
        sink.begin(Head::List)?;
        sink.text(&body.to_string())
    })
}

/// Reads the words of a query. A number below the range is the least one (RFC 7644 section 3.4.2.4).
fn list_query(call: &Call<'_>, resource_type: &ResourceType, query: &Query) -> Result<ListQuery> {
    let location = format!("{}/{}/", call.base, resource_type.endpoint);
    let scope = parse::Scope { resource_type, location: &location };
    let filter = query.filter.as_deref().map(|text| parse::parse(text, &scope)).transpose()?;
    let least = |number: i64, least: usize| usize::try_from(number).unwrap_or(0).max(least);
    Ok(ListQuery {
        filter,
        sort: sort(resource_type, query)?,
        start_index: query.start_index.map_or(1, |start| least(start, 1)),
        count: query.count.map_or(call.contract.default_count, |count| least(count, 0)).min(limits::PAGE),
    })
}

fn sort(resource_type: &ResourceType, query: &Query) -> Result<Option<Sort>> {
    let Some(name) = query.sort_by.as_deref() else { return Ok(None) };
    let unsortable = || Error::InvalidValue(format!("cannot sort by {}", crate::error::excerpt(name)));
    let by = Target::resolve(resource_type, name).and_then(Target::comparable).ok_or_else(unsortable)?;
    if by.leaf().is_some_and(|leaf| leaf.kind == Type::Complex || leaf.returned == Returned::Never) {
        return Err(unsortable());
    }
    let descending = match query.sort_order.as_deref() {
        None => false,
        Some(order) if order.eq_ignore_ascii_case("ascending") => false,
        Some(order) if order.eq_ignore_ascii_case("descending") => true,
        Some(_) => return Err(Error::InvalidValue("sortOrder is ascending or descending".into())),
    };
    let computed = by.extension.is_none() && matches!(by.attribute.name.as_str(), "meta" | "schemas");
    if computed && index::column(resource_type, &by).is_none() {
        // Where a resource is follows its id; its type and core schema are those of the whole collection.
        let by_id = by.leaf().is_some_and(|leaf| leaf.name == "location");
        let id = Target::resolve(resource_type, "id").filter(|_| by_id);
        return Ok(id.map(|by| Sort { by, descending }));
    }
    Ok(Some(Sort { by, descending }))
}
