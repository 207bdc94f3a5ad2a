//! Lists and searches.

use std::sync::Arc;

use super::{Call, Head, Query, Sink, groups, related, rights, speaks_of_itself};
use crate::cursor::{Cursor, Purpose};
use crate::filter::{Filter, is_related, parse, unique};
use crate::index;
use crate::list::{ListQuery, Position, Sort, Start};
use crate::path::Target;
use crate::principal::Access;
use crate::project::{self, Projection, Related, Source};
use crate::resource::Resource;
use crate::resource_type::{Kind, ResourceType};
use crate::schema::{Attribute, Returned, Type};
use crate::store::{By, TenantTx};
use crate::stored::Stored;
use crate::{Error, Result};

/// The URN of a list (RFC 7644 section 3.4.2).
const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// Resources that are read and written at a time, so that a page of large ones is never whole in memory.
const CHUNK: usize = 100;

/// GET of a collection, or a search on it: a ListResponse.
pub fn list(call: &Call<'_>, resource_type: &ResourceType, query: &Query, sink: &mut dyn Sink) -> Result<()> {
    call.principal.require(resource_type.area, Access::Read)?;
    let part = Part::new(call, resource_type, query)?;
    match part.one() {
        Some(by) if query.cursor.is_none() && write_alone(call, &part, by, query, sink)? => Ok(()),
        None if !call.may_wait => Err(Error::WouldWait),
        _ => write(call, &[part], Some(resource_type), query, sink),
    }
}

/// A search over all types the caller may read, at the root: one type after the other, each in its own order. A
/// type that does not have an attribute of the filter has nothing to show; when none has it the filter is wrong.
pub fn search(call: &Call<'_>, query: &Query, sink: &mut dyn Sink) -> Result<()> {
    let reads = |area| call.principal.require(area, Access::Read);
    let mut parts = Vec::new();
    let mut refused = None;
    for resource_type in call.catalog().types() {
        match reads(resource_type.area).and_then(|()| Part::new(call, resource_type, query)) {
            Ok(part) => parts.push(part),
            Err(error @ (Error::InvalidFilter(_) | Error::InvalidValue(_) | Error::Forbidden(_))) => {
                // What is wrong with the words is worth more to the client than what it may not read.
                let keep = matches!(refused, None | Some(Error::Forbidden(_)));
                refused = if keep { Some(error) } else { refused };
            }
            Err(error) => return Err(error),
        }
    }
    match (parts.is_empty(), refused) {
        (true, Some(error)) => Err(error),
        _ => write(call, &parts, None, query, sink),
    }
}

/// Visits the living resources of the type that satisfy the filter, in the order of creation and `batch` at a time.
pub fn each(
    tx: &mut dyn TenantTx,
    resource_type: &ResourceType,
    filter: Option<&Filter>,
    batch: usize,
    mut visit: impl FnMut(&mut dyn TenantTx, &[Resource]) -> Result<()>,
) -> Result<()> {
    let mut start = Start::Index(0);
    loop {
        let query = ListQuery { filter: filter.cloned(), sort: None, start, count: batch };
        let resources = tx.more(resource_type, &query)?;
        let resources: Vec<Resource> = resources.iter().map(Stored::resource).collect::<Result<_>>()?;
        let Some(last) = resources.last() else { return Ok(()) };
        start = Start::After(Position::of(resource_type, None, last));
        visit(tx, &resources)?;
    }
}

/// What is asked of one type.
struct Part<'a> {
    resource_type: &'a ResourceType,
    projection: Projection,
    filter: Option<Filter>,
    sort: Option<Sort>,
}

impl<'a> Part<'a> {
    fn new(call: &Call<'_>, resource_type: &'a ResourceType, query: &Query) -> Result<Self> {
        let projection = query.projection(call, resource_type)?;
        let location = [call.base, "/", &resource_type.endpoint, "/"].concat();
        let scope = parse::Scope { resource_type, contract: call.contract, location: &location };
        let filter = query.filter.as_deref().map(|text| parse::parse(text, &scope)).transpose()?;
        let sort = sort(resource_type, query)?;
        rights::check(call, resource_type, filter.as_ref(), sort.as_ref().map(|sort| &sort.by))?;
        Ok(Self { resource_type, projection, filter, sort })
    }

    /// The unique value that is asked for, where nothing is beside it: then one row is looked at. Of a group nobody knows how
    /// many members and owners it has.
    fn one(&self) -> Option<By<'_>> {
        let is_group = matches!(self.resource_type.kind, Kind::Group(_));
        let filter = self.filter.as_ref().filter(|_| !is_group)?;
        unique(self.resource_type, filter).map(|(column, key)| By::Unique(column, key))
    }

    fn query(&self, start: Start, count: usize) -> ListQuery {
        ListQuery { filter: self.filter.clone(), sort: self.sort.clone(), start, count }
    }

    /// Where this resource stands.
    fn position(&self, stored: &Stored) -> Result<Position> {
        Ok(Position::of(self.resource_type, self.sort.as_ref(), &stored.resource()?))
    }
}

/// Writes a page over the parts, chunk by chunk, in the mode the client has chosen.
fn write(
    call: &Call<'_>,
    parts: &[Part<'_>],
    collection: Option<&ResourceType>,
    query: &Query,
    sink: &mut dyn Sink,
) -> Result<()> {
    let (offset, count) = query.window(call.contract);
    let Some(text) = query.cursor.as_deref() else {
        return write_at_index(call, parts, offset + 1, count, sink);
    };
    check_cursor_query(query, count == 0)?;
    let purpose = Purpose {
        tenant: call.principal.tenant.id,
        key: &call.principal.tenant.cursor_key,
        base: call.contract.base,
        endpoint: collection.map(|resource_type| resource_type.endpoint.as_str()),
        types: parts.iter().map(|part| (part.resource_type.name.as_str(), part.sort.as_ref())).collect(),
        filter: query.filter.as_deref(),
    };
    let cursor = if text.is_empty() { None } else { Some(purpose.open(text)?) };
    write_behind_cursor(call, parts, &purpose, cursor.as_ref(), count, sink)
}

/// What a query with a cursor must not ask for: a second place to begin at, and a page that gets nowhere.
pub(super) fn check_cursor_query(query: &Query, count_is_too_small: bool) -> Result<()> {
    if query.start_index.is_some() {
        return Err(Error::InvalidValue("send startIndex or cursor, not both".into()));
    }
    if count_is_too_small {
        return Err(Error::InvalidCount("the count is too small for a page with a cursor".into()));
    }
    Ok(())
}

/// Writes the list of one resource at most, where it is shown without a look at another one: by a statement alone, as
/// [`super::get`] does. Otherwise nothing is written.
fn write_alone(
    call: &Call<'_>,
    part: &Part<'_>,
    by: By<'_>,
    query: &Query,
    sink: &mut dyn Sink,
) -> Result<bool> {
    let Part { resource_type, projection, .. } = part;
    let (offset, count) = query.window(call.contract);
    let found = call.find_alone(resource_type, by)?;
    let on_page = found.as_ref().filter(|_| offset == 0 && count > 0);
    let source = on_page.map(Source::try_from).transpose()?;
    if let Some(source) = &source
        && !speaks_of_itself(resource_type, source, projection)?
    {
        return Ok(false);
    }
    let total = usize::from(found.is_some());
    let mut text = beginning(call, total, offset + 1, count, usize::from(source.is_some()));
    if let Some(source) = &source {
        let related = Related::default();
        project::render(&mut text, resource_type, call.contract, call.base, source, &related, projection)?;
    }
    text.push_str("]}");
    sink.begin(Head::List)?;
    sink.whole(text)?;
    Ok(true)
}

/// What a page at a number begins with.
fn beginning(call: &Call<'_>, total: usize, start_index: usize, count: usize, returned: usize) -> String {
    let echo = returned == 0 && call.contract.empty_page_echoes_count;
    let items_per_page = if echo { count } else { returned };
    format!(
        "{{\"schemas\":[\"{LIST_RESPONSE}\"],\"totalResults\":{total},\"startIndex\":{start_index},\
         \"itemsPerPage\":{items_per_page},\"Resources\":["
    )
}

fn write_at_index(
    call: &Call<'_>,
    parts: &[Part<'_>],
    start_index: usize,
    count: usize,
    sink: &mut dyn Sink,
) -> Result<()> {
    call.read(|tx| {
        // The first chunk of every part tells its total; the totals stand before the resources.
        let (mut skipped, mut left, mut total) = (start_index - 1, count, 0);
        let mut windows = Vec::new();
        for part in parts {
            let first = tx.list(part.resource_type, &part.query(Start::Index(skipped), left.min(CHUNK)))?;
            let wanted = first.total.saturating_sub(skipped).min(left);
            total += first.total;
            windows.push((part, wanted, first.resources));
            left -= wanted;
            skipped = skipped.saturating_sub(first.total);
        }
        sink.begin(Head::List)?;
        sink.text(&beginning(call, total, start_index, count, count - left))?;
        let mut written = 0;
        for (part, wanted, first) in windows {
            let (mut chunk, mut done) = (first, 0);
            while done < wanted {
                chunk.truncate(wanted - done);
                done += chunk.len();
                write_chunk(call, part, tx, &chunk, written == 0, sink)?;
                written += chunk.len();
                let Some(last) = chunk.last() else {
                    return Err(Error::internal("a page was shorter than its total says"));
                };
                if done < wanted {
                    let start = Start::After(part.position(last)?);
                    chunk = tx.more(part.resource_type, &part.query(start, (wanted - done).min(CHUNK)))?;
                }
            }
        }
        sink.text("]}")
    })
}

/// Whether there is a next page is known at the end only, so what tells it stands behind the resources.
fn write_behind_cursor(
    call: &Call<'_>,
    parts: &[Part<'_>],
    purpose: &Purpose<'_>,
    cursor: Option<&Cursor>,
    count: usize,
    sink: &mut dyn Sink,
) -> Result<()> {
    let begin_with = cursor.map_or(0, |cursor| cursor.resource_type);
    call.read(|tx| {
        sink.begin(Head::List)?;
        sink.text(&format!("{{\"schemas\":[\"{LIST_RESPONSE}\"],\"Resources\":["))?;
        let (mut total, mut returned, mut last, mut is_cut) = (0, 0, None, false);
        for (place, part) in parts.iter().enumerate() {
            let mut start = match cursor {
                Some(cursor) if cursor.resource_type == place => Start::After(cursor.position.clone()),
                _ => Start::Index(0),
            };
            // One more than fits tells that there is a next page.
            let size = |returned: usize| (count - returned + 1).min(CHUNK + 1);
            let mut wanted = if place < begin_with || is_cut { 0 } else { size(returned) };
            let page = tx.list(part.resource_type, &part.query(start, wanted))?;
            total += page.total;
            let mut chunk = page.resources;
            while !chunk.is_empty() {
                let is_end = chunk.len() < wanted;
                is_cut = chunk.len() > count - returned;
                chunk.truncate(count - returned);
                write_chunk(call, part, tx, &chunk, returned == 0, sink)?;
                returned += chunk.len();
                if let Some(resource) = chunk.last() {
                    last = Some(Cursor { resource_type: place, position: part.position(resource)? });
                }
                let Some(Cursor { position, .. }) = last.as_ref().filter(|_| !is_end && !is_cut) else {
                    break;
                };
                (start, wanted) = (Start::After(position.clone()), size(returned));
                chunk = tx.more(part.resource_type, &part.query(start, wanted))?;
            }
        }
        let echo = returned == 0 && call.contract.empty_page_echoes_count;
        let items_per_page = if echo { count } else { returned };
        sink.text(&format!("],\"totalResults\":{total},\"itemsPerPage\":{items_per_page}"))?;
        if let Some(last) = last.filter(|_| is_cut) {
            sink.text(&format!(",\"nextCursor\":\"{}\"", purpose.seal(&last)))?;
        }
        sink.text("}")
    })
}

fn write_chunk(
    call: &Call<'_>,
    part: &Part<'_>,
    tx: &mut dyn TenantTx,
    chunk: &[Stored],
    is_first: bool,
    sink: &mut dyn Sink,
) -> Result<()> {
    let Part { resource_type, projection, .. } = part;
    let comma = |place: usize| if is_first && place == 0 { "" } else { "," };
    let chunk: Vec<Source<'_>> = chunk.iter().map(Source::try_from).collect::<Result<_>>()?;
    if let Kind::Group(_) = resource_type.kind {
        return groups::write(call, resource_type, tx, &chunk, projection, &comma, sink);
    }
    let related = related(call, resource_type, tx, &chunk, projection)?;
    let mut text = String::new();
    for (place, source) in chunk.iter().enumerate() {
        text.clear();
        text.push_str(comma(place));
        project::render(&mut text, resource_type, call.contract, call.base, source, &related, projection)?;
        sink.text(&text)?;
    }
    Ok(())
}

fn sort(resource_type: &ResourceType, query: &Query) -> Result<Option<Sort>> {
    let Some(name) = query.sort_by.as_deref() else { return Ok(None) };
    let unsortable = || Error::InvalidValue(format!("cannot sort by {}", crate::error::excerpt(name)));
    let by = Target::resolve(resource_type, name).and_then(Target::comparable).ok_or_else(unsortable)?;
    // Rows of another table have no order of their own.
    let is_list = is_related(resource_type, &by);
    let unfit = |leaf: &Arc<Attribute>| leaf.kind == Type::Complex || leaf.returned == Returned::Never;
    if is_list || by.attribute.returned == Returned::Never || by.leaf().is_some_and(unfit) {
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
