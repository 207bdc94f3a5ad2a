//! Conditions on one element of a multi-valued complex attribute: `emails[type eq "work" and value co "x"]`.

use domain::filter::{Filter, Op};
use domain::path::Target;

use super::{Below, Compiler, rank};

impl Compiler<'_> {
    /// Conditions that make the values row `alias` one of an element that satisfies the filter.
    pub(super) fn element(&mut self, list: &Target, filter: &Filter, alias: &str) {
        let terms = match filter {
            Filter::And(terms) => terms.as_slice(),
            single => std::slice::from_ref(single),
        };
        let drives = |term: &&Filter| matches!(term, Filter::Compare { op, .. } if *op != Op::Ne);
        let best = terms.iter().filter(drives).min_by_key(|term| rank(self.resource_type, term));
        match best {
            Some(driver @ Filter::Compare { target, op, key }) => {
                // How many values the planner expects decides how many probes it does, and so whether it plans anew.
                self.hides = self.finds_by_value;
                self.at_path(alias, &target.index_path());
                self.sql(" AND ");
                self.key(alias, *op, key);
                self.hides = false;
                for term in terms.iter().filter(|term| !std::ptr::eq(*term, driver)) {
                    self.sql(" AND ");
                    self.element_holds(term, alias);
                }
            }
            _ => {
                self.below(alias, &Below::attribute(list));
                self.sql(" AND ");
                self.element_holds(filter, alias);
            }
        }
    }

    /// A condition on the element that the values row `alias` belongs to.
    fn element_holds(&mut self, filter: &Filter, alias: &str) {
        match filter {
            Filter::Constant(value) => self.sql(if *value { "TRUE" } else { "FALSE" }),
            Filter::Not(inner) => {
                self.sql("NOT (");
                self.element_holds(inner, alias);
                self.sql(")");
            }
            Filter::And(terms) => {
                self.join(terms, " AND ", |compiler, _, term| compiler.element_holds(term, alias));
            }
            Filter::Or(terms) => {
                self.join(terms, " OR ", |compiler, _, term| compiler.element_holds(term, alias));
            }
            Filter::Compare { op: Op::Ne, target, key } => {
                let equal = Filter::Compare { target: target.clone(), op: Op::Eq, key: key.clone() };
                self.element_holds(&Filter::Not(Box::new(equal)), alias);
            }
            Filter::Compare { target, op, key } => {
                let inner = self.same_element(alias);
                self.at_path(&inner, &target.index_path());
                self.sql(" AND ");
                self.key(&inner, *op, key);
                self.end_exists();
            }
            Filter::Present(target) => {
                let inner = self.same_element(alias);
                self.present(&inner, target);
                self.end_exists();
            }
            // The grammar has neither inside brackets.
            Filter::HasExtension(_) | Filter::Element { .. } => self.sql("FALSE"),
        }
    }

    fn same_element(&mut self, alias: &str) -> String {
        let inner = self.alias();
        self.sql(format!("EXISTS (SELECT 1 FROM attribute_values {inner} WHERE "));
        self.of_type(&inner);
        self.sql(format!(
            "{inner}.resource_id = {alias}.resource_id AND {inner}.ordinal = {alias}.ordinal AND "
        ));
        inner
    }
}
